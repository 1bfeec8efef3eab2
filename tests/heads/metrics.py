#!/usr/bin/env python3
"""The metrics of tests/heads/test_metrics.c, computed with numpy of the same made-up logits: prints the numbers that stand there."""
import numpy as np, math
N,K=300,11
def val(n):
    i=np.arange(n,dtype=np.uint64)
    h=(i*np.uint64(2654435761)+np.uint64(12345))&np.uint64(0xffffffff)
    h=(h^(h>>np.uint64(15)))*np.uint64(2246822519)&np.uint64(0xffffffff)
    h=h^(h>>np.uint64(13))
    return ((h.astype(np.float64)/4294967296.0-0.5)*8).astype(np.float32)
x=val(N*K).reshape(N,K).copy()
lab=np.array([(i*7+(i*i)%5)%(K-1) for i in range(N)])   # class 10 is never a label
for i in range(N):
    if i%3: x[i,lab[i]]+=np.float32(3)
x64=x.astype(np.float64)
p=np.exp(x64-x64.max(1,keepdims=True)); p/=p.sum(1,keepdims=True)
pred=p.argmax(1)
top1=(pred==lab).mean()
order=np.argsort(-x64,axis=1,kind='stable'); top5=np.mean([lab[i] in order[i,:5] for i in range(N)])
C=np.zeros((K,K),int)
for a,b in zip(lab,pred): C[a,b]+=1
has=C.sum(1)>0
recall=(np.diag(C)[has]/C.sum(1)[has]).mean()
f=[2*C[k,k]/(C[k].sum()+C[:,k].sum()) for k in range(K) if C[k].sum()+C[:,k].sum()]
f1=np.mean(f)
nll=-np.log(p[np.arange(N),lab]).mean()
Y=np.eye(K)[lab]; brier=((p-Y)**2).sum(1).mean()
def ece_of(p,lab):
    conf=p.max(1); right=p.argmax(1)==lab; b=np.minimum((conf*15).astype(int),14); e=0
    for k in range(15):
        m=b==k
        if m.any(): e+=m.mean()*abs(right[m].mean()-conf[m].mean())
    return e
fit=np.array([math.floor((i+1)*.5)>math.floor(i*.5) for i in range(N)])
def soft(x): 
    p=np.exp(x-x.max(1,keepdims=True)); return p/p.sum(1,keepdims=True)
def loss(b,m): return -np.log(soft(b*x64[m])[np.arange(m.sum()),lab[m]]).mean()
lo,hi=math.log(0.01),math.log(100); g=(math.sqrt(5)-1)/2
for _ in range(200):
    a=hi-g*(hi-lo); c=lo+g*(hi-lo)
    if loss(math.exp(a),fit)<loss(math.exp(c),fit): hi=c
    else: lo=a
b=math.exp((lo+hi)/2)
print("softmax",[float(v) for v in (top1,top5,recall,f1,nll,brier,ece_of(p,lab),1/b,loss(b,~fit),ece_of(soft(b*x64[~fit]),lab[~fit]))])
# sigmoid: labels: several
x=val(N*K).reshape(N,K).copy()
Y=np.zeros((N,K),int)
for i in range(N):
    for j in range(i%4): Y[i,(i*3+j*j*2)%(K-1)]=1
x+=np.float32(1.5)*Y.astype(np.float32)
x-=np.float32(1)
x=np.round(x*4).astype(np.float32)/np.float32(4)   # ties
P=x>=0
tp=(P&(Y==1)).sum(0); pr=P.sum(0); la=Y.sum(0); has=la>0
cp=np.where(pr>0,tp/np.maximum(pr,1),0)[has].mean(); cr=(tp[has]/la[has]).mean()
op=tp.sum()/pr.sum(); orr=tp.sum()/la.sum()
aps=[]
for k in range(K):
    if not la[k]: continue
    s=x[:,k]; y=Y[:,k]; ap=0; last=0
    for t in sorted(set(s.tolist()),reverse=True):
        m=s>=t; prec=y[m].sum()/m.sum(); rec=y[m].sum()/y.sum(); ap+=(rec-last)*prec; last=rec
    aps.append(ap)
order=np.argsort(-x.astype(np.float64),axis=1,kind='stable')
t1=np.mean([Y[i,order[i,0]]==1 for i in range(N)]); t5=np.mean([Y[i,order[i,:5]].any() for i in range(N)])
print("sigmoid",[float(v) for v in (t1,t5,np.mean(aps),cp,cr,2*cp*cr/(cp+cr),op,orr,2*op*orr/(op+orr))])
